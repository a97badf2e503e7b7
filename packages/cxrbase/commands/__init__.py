"""What a command line is made of: recipes, their options, errors in one line."""
