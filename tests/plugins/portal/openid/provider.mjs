// A certified OpenID provider with its own sign-in and consent forms. Whoever signs in as "jane:93:staff,operators" is jane of
// company 93, in those groups. Its first argument is the address that it sends people back to.
import Provider from "oidc-provider";
import { createServer } from "node:http";

const server = createServer().listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: "portal",
        client_secret: "not-a-secret",
        redirect_uris: [`${process.argv[2]}/callback`],
        post_logout_redirect_uris: [process.argv[2]],
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "company_id", "groups"], email: ["email"] },
    conformIdTokenClaims: process.argv[3] === "userinfo",
    features: { rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_, sub) => {
      const [name, company, groups] = sub.split(":");
      const own = { sub, email: `${name}@example.com` };
      if (company) own.company_id = company;
      if (groups) own.groups = groups.split(",");
      return { accountId: sub, claims: () => own };
    },
    cookies: { keys: ["not-a-secret"] },
  });
  server.on("request", provider.callback());
  console.log(url);
});
