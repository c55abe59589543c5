// The token ends with the job.
"use strict";

if (process.env.STATE_token) {
  fetch(`${process.env.GITHUB_API_URL}/installation/token`, {
    method: "DELETE",
    headers: { authorization: `token ${process.env.STATE_token}` },
  }).catch((error) => console.log(`::warning::Token revocation failed: ${error.message}`));
}
