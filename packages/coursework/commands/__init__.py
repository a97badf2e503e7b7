"""The command line of batches, pages, grades and what students are given."""
