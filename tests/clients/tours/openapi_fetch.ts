/** A tour with the types of openapi-typescript and its client openapi-fetch. */

import createClient from "openapi-fetch";
import type { components, paths as Products } from "../build/openapi-typescript/products";
import type { paths as Orders } from "../build/openapi-typescript/orders";
import { expect, PICTURE, refused } from "./expect";

const [productsUrl, ordersUrl] = process.argv.slice(2);
const products = createClient<Products>({ baseUrl: productsUrl });
const orders = createClient<Orders>({ baseUrl: ordersUrl });

async function tour(): Promise<void> {
  const values: components["schemas"]["NewProduct"] = {
    name: "Teapot",
    sku: "OF-1",
    price: 12.5,
    stock: 5,
    attributes: { color: "blue", sizes: [1, 2] },
  };
  const made = await products.POST("/products", { body: values });
  expect(made.data, "no product was created");
  const product = made.data;
  const path = { ref: String(product.id) };

  const page = await products.GET("/products", {
    params: { query: { per: 5, price__gte: "1", available: true, attr: {} } },
  });
  const item = page.data?.items[0];
  expect(item, "the list is empty");
  // Without a question mark: a list has whole items.
  const name: string = item.name;
  const status: components["schemas"]["ProductStatus"] | null = item.status;
  const color: components["schemas"]["AttributeValue"] | undefined = item.attributes?.color;
  expect(name === "Teapot" && status === "active" && color === "blue", "the item is another one");

  const draft = await products.POST("/products", { body: { name: "Later", status: "draft" } });
  expect(draft.data?.status === "draft", "no draft was created");
  const changed = await products.PATCH("/products/{ref}", {
    params: { path: { ref: String(draft.data.id) } },
    body: { price: 5 },
  });
  expect(changed.data?.status === "draft", "the draft was published");

  refused(await products.GET("/products/{ref}", { params: { path: { ref: "nothing" } } }), 404);
  refused(await products.POST("/products", { body: { name: "Other", sku: "OF-1" } }), 409);
  refused(
    await products.PATCH("/products/{ref}", {
      params: { path, header: { "If-Match": '"0123"' } },
      body: { stock: 3 },
    }),
    412,
  );
  refused(await products.POST("/products", { body: { name: " " } }), 422);

  const form = new FormData();
  form.append("image", PICTURE, "pot.png");
  const uploaded = await products.POST("/products/{ref}/images", {
    params: { path },
    body: { image: [] },
    bodySerializer: () => form,
  });
  const state: components["schemas"]["ImageState"] | undefined = uploaded.data?.items[0]?.state;
  expect(state === "queued", "no picture was uploaded");

  const lines = [{ product_id: product.id, quantity: 2 }];
  const order = await orders.POST("/orders", { body: { items: lines } });
  expect(order.data?.items?.[0]?.quantity === 2, "nothing was ordered");
  const paid = await orders.POST("/orders/{ref}/pay", {
    params: { path: { ref: String(order.data.id) } },
  });
  expect(paid.data?.status === "paid", "the order is not paid");
}

tour().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
