"""Networks whose features images are compared by, and what the data have of them."""
