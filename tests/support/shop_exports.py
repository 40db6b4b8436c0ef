"""Exports of Shopify and of three plugins of WooCommerce: their columns, and made-up rows."""

import csv
import io
from decimal import Decimal


def columns(text):
    """Return the names of columns, which stand between commas."""
    return text.split(",")


SHOPIFY_ORDERS = columns(
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,"
    "Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,"
    "Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,"
    "Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,"
    "Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,"
    "Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,"
    "Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,"
    "Payment Terms Name,Next Payment Due At,Payment References"
)
SHOPIFY_CUSTOMERS = columns(
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
    "Default Address Address1,Default Address Address2,Default Address City,"
    "Default Address Province Code,Default Address Country Code,Default Address Zip,"
    "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,"
    "Tags"
)
# One row for each order, with its lines in cells of their own.
WOO_ORDERS = columns(
    "order_id,order_number,order_date,paid_date,status,shipping_total,shipping_tax_total,fee_total,"
    "fee_tax_total,tax_total,cart_discount,order_discount,discount_total,order_total,"
    "order_subtotal,order_currency,payment_method,payment_method_title,transaction_id,"
    "customer_ip_address,customer_user_agent,shipping_method,customer_id,customer_user,"
    "customer_email,billing_first_name,billing_last_name,billing_company,billing_email,"
    "billing_phone,billing_address_1,billing_address_2,billing_postcode,billing_city,"
    "billing_state,billing_country,shipping_first_name,shipping_last_name,shipping_company,"
    "shipping_phone,shipping_address_1,shipping_address_2,shipping_postcode,shipping_city,"
    "shipping_state,shipping_country,customer_note,wt_import_key,shipping_items,fee_items,"
    "tax_items,coupon_items,refund_items,order_notes,download_permissions,line_item_1,line_item_2"
)
# One row for each line, with the cells of the order in each of them.
WOO_LINES = columns(
    "order_id,order_number,order_number_formatted,date,status,shipping_total,"
    "shipping_tax_total,fee_total,fee_tax_total,tax_total,discount_total,order_total,"
    "refunded_total,order_currency,payment_method,shipping_method,customer_id,billing_first_name,"
    "billing_last_name,billing_company,billing_email,billing_phone,billing_address_1,"
    "billing_address_2,billing_postcode,billing_city,billing_state,billing_country,"
    "shipping_first_name,shipping_last_name,shipping_address_1,shipping_address_2,"
    "shipping_postcode,shipping_city,shipping_state,shipping_country,shipping_company,"
    "customer_note,item_id,item_product_id,item_name,item_sku,item_quantity,item_subtotal,"
    "item_subtotal_tax,item_total,item_total_tax,item_refunded,item_refunded_qty,item_meta,"
    "shipping_items,fee_items,tax_items,coupon_items,refunds,order_notes,download_permissions"
)
# The default columns of the free plugin, in words.
WOO_WORDS = columns(
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),"
    "Company (Billing),Address 1&2 (Billing),City (Billing),State Code (Billing),"
    "Postcode (Billing),Country Code (Billing),Email (Billing),Phone (Billing),"
    "First Name (Shipping),Last Name (Shipping),Address 1&2 (Shipping),City (Shipping),"
    "State Code (Shipping),Postcode (Shipping),Country Code (Shipping),Payment Method Title,"
    "Cart Discount Amount,Order Subtotal Amount,Shipping Method Title,Order Shipping Amount,"
    "Order Refund Amount,Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,"
    "Quantity (- Refund),Item Cost,Coupon Code,Discount Amount,Discount Amount Tax"
)
WOO_CUSTOMERS = columns(
    "Name,Username,Last active,Sign up,Email,Orders,Total spend,AOV,Country / Region,City,Region,"
    "Postal code"
)

# The first row of an order of Shopify, to which a test adds what it is about.
SHOPIFY_ORDER = {
    "Name": "#1001",
    "Email": "ada@example.org",
    "Financial Status": "paid",
    "Fulfillment Status": "fulfilled",
    "Currency": "EUR",
    "Subtotal": "40.00",
    "Shipping": "5.00",
    "Taxes": "0.00",
    "Total": "45.00",
    "Discount Amount": "0.00",
    "Shipping Method": "Standard",
    "Created at": "2025-10-07 09:50:26 +0200",
    "Lineitem quantity": "2",
    "Lineitem name": "Teapot",
    "Lineitem price": "20.00",
    "Lineitem sku": "T-1",
    "Refunded Amount": "0.00",
    "Id": "74109",
}
WOO_ORDER = {
    "order_id": "501",
    "order_number": "501",
    "order_date": "2025-08-05 09:01:16",
    "status": "completed",
    "shipping_total": "5.00",
    "tax_total": "0",
    "discount_total": "0",
    "order_total": "45.00",
    "order_currency": "EUR",
    "billing_email": "ada@example.org",
    "line_item_1": "name:Teapot|product_id:7|sku:T-1|quantity:2|total:40.00|sub_total:40.00",
}


def table(header, rows):
    """Return rows as CSV with all columns of an export."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def total(order):
    """Return the sum of the lines, as the orders service computes it."""
    return sum(
        Decimal(item.get("total") or Decimal(item["unit_price"]) * item["quantity"])
        for item in order["items"]
    )


def kinds(order):
    """Return the kind of each line."""
    return [item.get("kind", "product") for item in order["items"]]
