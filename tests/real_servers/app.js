// A receiver on Node's own server: it notes the id of each event in the file that SEEN names.
const fs = require("node:fs");
const server = require("node:http").createServer((request, response) => {
  request.resume().on("end", () => {
    fs.appendFileSync(process.env.SEEN, `${request.headers["webhook-id"]}\n`);
    response.end("ok");
  });
});
server.keepAliveTimeout = 2000; // which its answers tell, so that the hub keeps connections for 1 s
server.keepAliveTimeoutBuffer = 0;
server.listen(Number(process.argv[2]), "127.0.0.1");
