// A stand-in for actions/create-github-app-token: signs as the App, asks for a token of its installation.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");

const env = process.env;
const input = (name) => (env[`INPUT_${name.toUpperCase()}`] || "").trim();
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function jwt() {
  const now = Math.floor(Date.now() / 1000);
  const head = part({ alg: "RS256", typ: "JWT" });
  const body = part({ iat: now - 30, exp: now + 570, iss: input("client-id") || input("app-id") });
  const key = input("private-key").replace(/\\n/g, "\n");
  return `${head}.${body}.${crypto.sign("RSA-SHA256", Buffer.from(`${head}.${body}`), key).toString("base64url")}`;
}

async function ask(method, where, body) {
  const answer = await fetch(`${env.GITHUB_API_URL}${where}`, {
    method,
    headers: { authorization: `bearer ${jwt()}`, accept: "application/vnd.github+json", "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${where}: ${answer.status} ${(await answer.json()).message}`);
  return answer.json();
}

async function main() {
  const [hereOwner, hereName] = env.GITHUB_REPOSITORY.split("/");
  const owner = input("owner") || hereOwner;
  let names = input("repositories").split(/[\n,]+/).map((one) => one.trim()).filter(Boolean);
  if (!names.length && !input("owner")) names = [hereName];
  const where = names.length ? `/repos/${owner}/${names[0]}/installation` : `/users/${owner}/installation`;
  const installation = await ask("GET", where);
  const permissions = {};
  for (const [name, value] of Object.entries(env)) {
    const named = name.match(/^INPUT_PERMISSION-(.+)$/);
    if (named && value) permissions[named[1].toLowerCase().replace(/-/g, "_")] = value;
  }
  const wanted = {};
  if (names.length) wanted.repositories = names;
  if (Object.keys(permissions).length) wanted.permissions = permissions;
  const { token } = await ask("POST", `/app/installations/${installation.id}/access_tokens`, wanted);
  console.log(`::add-mask::${token}`);
  fs.appendFileSync(env.GITHUB_OUTPUT, `token=${token}\ninstallation-id=${installation.id}\napp-slug=${installation.app_slug}\n`);
  fs.appendFileSync(env.GITHUB_STATE, `token=${token}\n`);
}

main().catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});
