// A stand-in for actions/upload-artifact: a zip archive, sent as the toolkit sends it.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { zip } = require("./zip.js");

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

function* files(folder) {
  for (const name of fs.readdirSync(folder).sort()) {
    if (name.startsWith(".")) continue; // hidden files stay, by default
    const one = path.join(folder, name);
    if (fs.statSync(one).isDirectory()) yield* files(one);
    else yield one;
  }
}

async function main() {
  const roots = input("path").split("\n").map((one) => path.resolve(env.GITHUB_WORKSPACE, one.trim())).filter((one) => fs.existsSync(one));
  const found = roots.flatMap((root) =>
    fs.statSync(root).isDirectory()
      ? [...files(root)].map((one) => [path.relative(root, one), one])
      : [[path.basename(root), root]]);
  if (!found.length) {
    const words = `No files were found with the provided path: ${input("path")}. No artifacts will be uploaded.`;
    if (input("if-no-files-found") === "error") throw new Error(words);
    if (input("if-no-files-found") === "warn") console.log(`::warning::${words}`);
    return;
  }
  const content = zip(found.map(([name, file]) => [name, fs.readFileSync(file)]));
  const name = input("name") || "artifact";
  if (input("overwrite") === "true") await call("DeleteArtifact", { name }).catch(() => {});
  const created = await call("CreateArtifact", { name, version: 7, mime_type: "application/zip" });
  const sent = await fetch(created.signed_upload_url, {
    method: "PUT",
    headers: { "x-ms-blob-type": "BlockBlob", "content-type": "application/zip" },
    body: content,
  });
  if (!sent.ok) throw new Error(`upload: ${sent.status}`);
  const hex = crypto.createHash("sha256").update(content).digest("hex");
  const done = await call("FinalizeArtifact", { name, size: String(content.length), hash: `sha256:${hex}` });
  const page = `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}/artifacts/${done.artifact_id}`;
  fs.appendFileSync(env.GITHUB_OUTPUT, `artifact-id=${done.artifact_id}\nartifact-digest=${hex}\nartifact-url=${page}\n`);
  console.log(`Artifact ${name} has ${found.length} files, ${content.length} bytes`);
}

main().catch((error) => {
  console.log(`::error::${error.message}`);
  process.exitCode = 1;
});
