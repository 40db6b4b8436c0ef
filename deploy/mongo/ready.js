// The health check of MongoDB: green once it is the PRIMARY of its replica set, which it makes on
// the first start. The only member is "localhost", so that a plain mongodb://localhost:27017 works
// on the host, too; the services connect with directConnection=true.
try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "localhost:27017" }] });
}
if (!db.hello().isWritablePrimary) quit(1);
// What documents were before a change is kept for an hour only; by default it is for days.
const wanted = { preAndPostImages: { expireAfterSeconds: 3600 } };
const [known] = db.adminCommand({ getClusterParameter: "changeStreamOptions" }).clusterParameters;
if (Number(known.preAndPostImages.expireAfterSeconds) !== 3600) {
  db.adminCommand({ setClusterParameter: { changeStreamOptions: wanted } });
}
