"""A run's life: recipes and parameters, plan, execution, results."""
