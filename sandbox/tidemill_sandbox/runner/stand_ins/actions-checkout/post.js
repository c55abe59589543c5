// Takes the token out of .git/config again.
"use strict";
const { execFileSync } = require("node:child_process");

if (process.env.STATE_folder) {
  try {
    execFileSync("git", ["config", "--local", "--unset-all", process.env.STATE_key], { cwd: process.env.STATE_folder });
  } catch {
    // a later step has removed it, or the folder
  }
}
