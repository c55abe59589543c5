// A stand-in for actions/checkout: the same fetch, the same result, by the real git.
"use strict";
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] || "").trim();
const env = process.env;
const folder = path.resolve(env.GITHUB_WORKSPACE, input("path"));
const server = env.GITHUB_SERVER_URL;
const header = `AUTHORIZATION: basic ${Buffer.from(`x-access-token:${input("token")}`).toString("base64")}`;
const key = `http.${server}/.extraheader`;

const git = (args, withToken = false) =>
  execFileSync("git", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...env,
      GIT_TERMINAL_PROMPT: "0",
      // The token is in git's environment only, never on its command line.
      ...(withToken ? { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: key, GIT_CONFIG_VALUE_0: header } : {}),
    },
  }).trim();

const isOwn = input("repository") === env.GITHUB_REPOSITORY;
const ref = input("ref") || (isOwn ? env.GITHUB_REF : "");
const isSha = /^[0-9a-f]{40}$/.test(ref);
const wanted = isSha ? ref : isOwn && !input("ref") ? env.GITHUB_SHA : ref || "HEAD";
const branch = ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : isSha || !ref ? "" : ref;
const isTag = ref.startsWith("refs/tags/");

fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder, { recursive: true });
git(["init", "-q", "-b", "main"]);
git(["remote", "add", "origin", `${server}/${input("repository")}`]);
git(["config", "--local", "gc.auto", "0"]);
const how = ["-c", "protocol.version=2", "fetch", "-q", "--prune", "--no-recurse-submodules"];
if (input("filter")) how.push(`--filter=${input("filter")}`);
if (input("fetch-depth") === "0") {
  how.push("--tags", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*");
  if (/^[0-9a-f]{40}$/.test(wanted)) how.push(wanted);
} else {
  how.push("--no-tags", `--depth=${input("fetch-depth") || 1}`, "origin");
  how.push(branch ? `+${wanted}:refs/remotes/origin/${branch}` : wanted);
}
git(how, true);
const commit = input("fetch-depth") === "0" && !/^[0-9a-f]{40}$/.test(wanted)
  ? git(["rev-parse", branch ? `refs/remotes/origin/${branch}` : wanted])
  : /^[0-9a-f]{40}$/.test(wanted) ? wanted : git(["rev-parse", "FETCH_HEAD"]);
if (branch && !isTag) git(["checkout", "-q", "--force", "-B", branch, commit], true);
else git(["checkout", "-q", "--force", "--detach", commit], true);
if (input("persist-credentials") === "true") {
  git(["config", "--local", key, header]);
  fs.appendFileSync(env.GITHUB_STATE, `folder=${folder}\nkey=${key}\n`);
}
fs.appendFileSync(env.GITHUB_OUTPUT, `ref=${ref}\ncommit=${commit}\n`);
console.log(`${input("repository")} at ${commit}`);
