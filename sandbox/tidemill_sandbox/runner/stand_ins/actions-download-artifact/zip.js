// The least of the zip format: deflated files, no folders, no 64-bit sizes.
"use strict";
const zlib = require("node:zlib");

const TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

function crc32(data) {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function record(signature, halves, words, tail, more = []) {
  const head = Buffer.alloc(4 + halves.length * 2 + words.length * 4 + tail.length * 2);
  let at = head.writeUInt32LE(signature, 0);
  for (const one of halves) at = head.writeUInt16LE(one, at);
  for (const one of words) at = head.writeUInt32LE(one, at);
  for (const one of tail) at = head.writeUInt16LE(one, at);
  return Buffer.concat([head, ...more]);
}

exports.zip = (files) => {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [name, data] of files) {
    const packed = zlib.deflateRawSync(data);
    const label = Buffer.from(name);
    const about = [20, 0x800, 8, 0, 0x21]; // version, names are UTF-8, deflate, 1980-01-01
    const sizes = [crc32(data), packed.length, data.length];
    const local = record(0x04034b50, about, sizes, [label.length, 0], [label, packed]);
    const end = Buffer.alloc(8);
    end.writeUInt32LE(offset, 4);
    entries.push(record(0x02014b50, [20, ...about], sizes, [label.length, 0, 0, 0, 0], [end, label]));
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(entries);
  const last = record(0x06054b50, [0, 0, files.length, files.length], [index.length, offset], [0]);
  return Buffer.concat([...parts, index, last]);
};

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
