"""What is in a dataset: how many of what, how large, how long, in which split."""
