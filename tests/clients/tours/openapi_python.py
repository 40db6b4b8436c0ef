"""A tour with the clients of openapi-python-client, which are on the path of modules."""

import base64
import io
import sys

from orders import Client as OrdersClient
from orders.api.orders import create_order, pay_order
from orders.models import NewOrder, NewOrderLine
from products import Client
from products.api.products import (
    create_product,
    get_product,
    list_products,
    patch_product,
    upload_images,
)
from products.models import (
    NewAttributes,
    NewProduct,
    Problem,
    Product,
    ProductChanges,
    ProductPage,
    ProductStatus,
    UploadImagesBody,
)
from products.types import File

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def refused(answer, status):
    """Check the status of a refusal, and that its problem document has it as well."""
    assert isinstance(answer.parsed, Problem), answer
    assert (answer.status_code, answer.parsed.status) == (status, status), answer.parsed.detail


def main(products_url, orders_url):
    """List, filter, create, change, be refused, upload and order."""
    products, orders = Client(base_url=products_url), OrdersClient(base_url=orders_url)
    attributes = NewAttributes.from_dict({"color": "green", "sizes": [1, 2]})
    new = NewProduct(name="Mug", sku="PY-1", price=12.5, stock=5, attributes=attributes)
    made = create_product.sync(client=products, body=new)
    assert isinstance(made, Product), made

    page = list_products.sync(client=products, per=5, sku="PY-1")
    assert isinstance(page, ProductPage)
    (item,) = page.items
    assert (item.name, item.status) == ("Mug", ProductStatus.ACTIVE)
    assert item.attributes["color"] == "green"

    draft = create_product.sync(
        client=products, body=NewProduct(name="Later", status=ProductStatus.DRAFT)
    )
    changed = patch_product.sync(str(draft.id), client=products, body=ProductChanges(price=5))
    assert (changed.status, changed.price) == (ProductStatus.DRAFT, 5)

    refused(get_product.sync_detailed("nothing", client=products), 404)
    other = NewProduct(name="Other", sku="PY-1")
    refused(create_product.sync_detailed(client=products, body=other), 409)
    refused(
        patch_product.sync_detailed(
            str(made.id), client=products, body=ProductChanges(stock=3), if_match='"0123"'
        ),
        412,
    )
    refused(create_product.sync_detailed(client=products, body=NewProduct(name=" ")), 422)

    picture = File(io.BytesIO(PICTURE), "pot.png", "image/png")
    gallery = upload_images.sync(
        str(made.id), client=products, body=UploadImagesBody(image=[picture])
    )
    assert gallery.items[0].state == "queued", gallery

    lines = [NewOrderLine(product_id=made.id, quantity=2)]
    order = create_order.sync(client=orders, body=NewOrder(items=lines))
    assert order.items[0].quantity == 2, order
    assert pay_order.sync(str(order.id), client=orders).status == "paid"


main(*sys.argv[1:])
