// One client for each service, of the documents in build/documents.
export default ["products", "categories", "clients", "orders"].map((service) => ({
  input: `build/documents/${service}.json`,
  output: `build/hey-api/${service}`,
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
}));
