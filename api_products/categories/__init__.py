"""What products know of categories: moves and attribute schemas."""
