"""`report`: a day as a page, of one file."""
