"""Images of products: uploads, thumbnails, and the gallery of each product.

A *picture* is a file of bytes; an *image* is a picture that belongs to a product.

* ``model``: rules on the list of images that is stored with a product
* ``gallery``: reads and writes the images of stored products, and removes their files
* ``sources``: rules on the images that come from URLs
* ``addresses``, ``download``: fetch a photo from a URL of the public internet
* ``processing``: makes the thumbnails of one image; ``workers`` run it as a job
* ``limits``, ``png``, ``thumbnails``: check the bytes of a picture and render its sizes
* ``uploads``: reads pictures and product fields from a form
* ``schemas``, ``views``: the routes below ``/products/<ref>/images``
"""
