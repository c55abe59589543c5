// A stand-in for actions/download-artifact: artifacts of the same run, as the toolkit gets them.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { unzip } = require("./unzip.js");

const env = process.env;
const input = (name) => (env[`INPUT_${name.toUpperCase()}`] || "").trim();
const scope = JSON.parse(Buffer.from(env.ACTIONS_RUNTIME_TOKEN.split(".")[1], "base64url"))
  .scp.split(" ").find((one) => one.startsWith("Actions.Results:")).split(":");
const ids = { workflow_run_backend_id: scope[1], workflow_job_run_backend_id: scope[2] };

async function call(method, body) {
  const url = new URL(`twirp/github.actions.results.api.v1.ArtifactService/${method}`, env.ACTIONS_RESULTS_URL);
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${env.ACTIONS_RUNTIME_TOKEN}` },
    body: JSON.stringify({ ...ids, ...body }),
  });
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function main() {
  const root = path.resolve(env.GITHUB_WORKSPACE, input("path"));
  const pattern = new RegExp(`^${(input("pattern") || "*").replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
  const all = (await call("ListArtifacts", {})).artifacts || [];
  const found = all.filter((one) => (input("name") ? one.name === input("name") : pattern.test(one.name)));
  if (input("name") && !found.length) throw new Error(`Unable to download artifact(s): Artifact not found for name: ${input("name")}`);
  for (const artifact of found) {
    const { signed_url: url } = await call("GetSignedArtifactURL", {
      workflow_run_backend_id: artifact.workflow_run_backend_id,
      workflow_job_run_backend_id: artifact.workflow_job_run_backend_id,
      name: artifact.name,
    });
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`download: ${answer.status}`);
    const content = Buffer.from(await answer.arrayBuffer());
    const hex = `sha256:${crypto.createHash("sha256").update(content).digest("hex")}`;
    if (artifact.digest && artifact.digest !== hex) throw new Error(`${artifact.name} has another digest: ${hex}`);
    const isOne = input("name") || input("merge-multiple") === "true";
    const folder = isOne ? root : path.join(root, artifact.name);
    for (const [name, data] of unzip(content)) {
      const file = path.join(folder, name);
      if (!file.startsWith(folder + path.sep)) throw new Error(`${name} would leave its folder`);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, data);
    }
    console.log(`Artifact ${artifact.name}: ${content.length} bytes`);
  }
  fs.mkdirSync(root, { recursive: true });
  fs.appendFileSync(env.GITHUB_OUTPUT, `download-path=${root}\n`);
}

main().catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});
