/** The fields of a product's form, in the order and the groups in which they are shown. */

/**
 * @typedef {object} Field
 * @property {string} name  as the API has it
 * @property {string} label
 * @property {"text" | "long" | "number" | "choice" | "tags" | "category"} kind
 * @property {string} [hint]
 * @property {string[]} [choices]
 * @property {string} [unit]
 * @property {boolean} [wide]
 */

/** @type {{title: string, fields: Field[]}[]} */
export const GROUPS = [
  {
    title: "What it is",
    fields: [
      { name: "name", label: "Name", kind: "text", wide: true },
      { name: "description", label: "Description", kind: "long", wide: true },
      { name: "category", label: "Category", kind: "category" },
      { name: "brand", label: "Brand", kind: "text" },
      { name: "tags", label: "Tags", kind: "tags", wide: true, hint: "Separate them by commas." },
      { name: "status", label: "Status", kind: "choice", choices: ["active", "draft", "archived"] },
    ],
  },
  {
    title: "Price",
    fields: [
      { name: "price", label: "Price", kind: "number" },
      { name: "compare_at_price", label: "Price before", kind: "number", hint: "An earlier, higher price." },
      { name: "currency", label: "Currency", kind: "text", hint: "Such as EUR." },
      { name: "tax_class", label: "Tax class", kind: "text" },
    ],
  },
  {
    title: "Numbers that name it",
    fields: [
      { name: "sku", label: "SKU", kind: "text" },
      { name: "gtin", label: "GTIN", kind: "text", hint: "EAN, UPC or ISBN." },
      { name: "external_ref", label: "Reference elsewhere", kind: "text" },
      { name: "slug", label: "Slug", kind: "text", hint: "Its name in addresses." },
      { name: "weight", label: "Weight", kind: "number", unit: "g" },
      { name: "stock", label: "Stock", kind: "number", hint: "Empty: not counted." },
    ],
  },
];

/** @type {Map<string, Field>} */
export const FIELDS = new Map(GROUPS.flatMap(({ fields }) => fields.map((field) => [field.name, field])));

/** The fields that are amounts of money. */
export const PRICES = ["price", "compare_at_price"];

/** Those that the form has besides: they hold objects or belong to the variants. */
export const OTHERS = ["group", "options", "attributes"];

/** @type {Record<string, string>} */
const LABELS = { group: "Group", options: "Options", attributes: "Attributes", images: "Pictures", image_urls: "Addresses of photos", category_path: "Place of the category" };

/** The name of a field for people. @param {string} name */
export const labelOf = (name) => FIELDS.get(name)?.label ?? LABELS[name] ?? name;
