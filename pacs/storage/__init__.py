"""Where bytes and rows live: two promises and the stores that keep them."""
