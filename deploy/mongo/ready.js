// The health check of MongoDB: green once it is the PRIMARY of its replica set, which it makes on
// the first start. The only member is "localhost", so that a mongodb://localhost:27017 works on the
// host, too; the services connect with directConnection=true.
const { readFileSync } = require("fs");
const secret = (name) => readFileSync(`/run/vitrine/${name}`, "utf8").trim();
const user = "vitrine";
const pwd = secret("mongo_password");
const admin = db.getSiblingDB("admin");
let hasUser = true;
try {
  admin.auth(user, pwd);
} catch (error) {
  // The first start, or data without passwords: log in as the members of the set do, by their key.
  hasUser = false;
  const login = { user: "__system", pwd: secret("mongo_key"), mechanism: "SCRAM-SHA-256" };
  db.getSiblingDB("local").auth(login);
}
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "localhost:27017" }] });
}
if (!db.hello().isWritablePrimary) quit(1);
if (!hasUser) {
  if (admin.getUser(user)) admin.updateUser(user, { pwd, roles: ["root"] });
  else admin.createUser({ user, pwd, roles: ["root"] });
}
// What documents were before a change is kept for an hour only; by default it is for days.
const wanted = { preAndPostImages: { expireAfterSeconds: 3600 } };
const [known] = db.adminCommand({ getClusterParameter: "changeStreamOptions" }).clusterParameters;
if (Number(known.preAndPostImages.expireAfterSeconds) !== 3600) {
  db.adminCommand({ setClusterParameter: { changeStreamOptions: wanted } });
}
