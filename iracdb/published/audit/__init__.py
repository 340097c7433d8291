"""What is wrong with what is held, worst first: `checks` lists the checks."""
