"""Following a number down to the bytes it came from, and a file up to all that rests on it."""
