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
