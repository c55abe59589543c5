// Reads what zip.js of the stand-in for upload-artifact writes.
"use strict";
const zlib = require("node:zlib");

exports.unzip = (data) => {
  let at = data.length - 22;
  while (at >= 0 && data.readUInt32LE(at) !== 0x06054b50) at--;
  if (at < 0) throw new Error("not a zip archive");
  const found = [];
  let entry = data.readUInt32LE(at + 16);
  for (let left = data.readUInt16LE(at + 10); left > 0; left--) {
    const [method, packed, size] = [data.readUInt16LE(entry + 10), data.readUInt32LE(entry + 20), data.readUInt32LE(entry + 24)];
    const lengths = [28, 30, 32].map((place) => data.readUInt16LE(entry + place));
    const name = data.toString("utf8", entry + 46, entry + 46 + lengths[0]);
    const local = data.readUInt32LE(entry + 42);
    const start = local + 30 + data.readUInt16LE(local + 26) + data.readUInt16LE(local + 28);
    const raw = data.subarray(start, start + packed);
    if (!name.endsWith("/")) found.push([name, method === 8 ? zlib.inflateRawSync(raw) : Buffer.from(raw)]);
    if (!name.endsWith("/") && found.at(-1)[1].length !== size) throw new Error(`${name} is damaged`);
    entry += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return found;
};
