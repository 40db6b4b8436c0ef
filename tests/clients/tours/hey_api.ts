/** A tour with the clients of @hey-api/openapi-ts. */

import { client as ordersClient } from "../build/hey-api/orders/client.gen";
import { createOrder, payOrder } from "../build/hey-api/orders";
import { client as productsClient } from "../build/hey-api/products/client.gen";
import {
  createProduct,
  getProduct,
  listProducts,
  patchProduct,
  uploadImages,
  type NewProduct,
  type Product,
} from "../build/hey-api/products";
import { expect, PICTURE, refused } from "./expect";

const [productsUrl, ordersUrl] = process.argv.slice(2);
productsClient.setConfig({ baseUrl: productsUrl });
ordersClient.setConfig({ baseUrl: ordersUrl });

async function tour(): Promise<void> {
  const values: NewProduct = { name: "Kettle", sku: "HA-1", price: 12.5, stock: 5 };
  const made = await createProduct({ body: { ...values, attributes: { color: "red" } } });
  expect(made.data, "no product was created");
  const product: Product = made.data;
  const path = { ref: String(product.id) };

  const page = await listProducts({ query: { per: 5, sku: "HA-1", ordering: ["-price"] } });
  const item = page.data?.items[0];
  expect(item, "the list is empty");
  const name: string = item.name;
  expect(name === "Kettle" && item.attributes?.color === "red", "the item is another one");

  const draft = await createProduct({ body: { name: "Later", status: "draft" } });
  expect(draft.data?.status === "draft", "no draft was created");
  const changed = await patchProduct({
    path: { ref: String(draft.data.id) },
    body: { price: 5 },
  });
  expect(changed.data?.status === "draft", "the draft was published");

  refused(await getProduct({ path: { ref: "nothing" } }), 404);
  refused(await createProduct({ body: { name: "Other", sku: "HA-1" } }), 409);
  const headers = { "If-Match": '"0123"' };
  refused(await patchProduct({ path, headers, body: { stock: 3 } }), 412);
  refused(await createProduct({ body: { name: " " } }), 422);

  const uploaded = await uploadImages({ path, body: { image: [PICTURE] } });
  expect(uploaded.data?.items[0]?.state === "queued", "no picture was uploaded");

  const lines = [{ product_id: product.id, quantity: 2 }];
  const order = await createOrder({ body: { items: lines } });
  expect(order.data?.items?.[0]?.quantity === 2, "nothing was ordered");
  const paid = await payOrder({ path: { ref: String(order.data.id) } });
  expect(paid.data?.status === "paid", "the order is not paid");
}

tour().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
