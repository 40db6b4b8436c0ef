"""One HTTP request: what it carries, who sent it, how it is answered."""
