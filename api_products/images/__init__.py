"""Images: uploads, thumbnails and the gallery of a product."""
