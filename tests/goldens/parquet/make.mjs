// Writes the parquet files of this folder with DuckDB. npm install @duckdb/node-api@1.5 && node make.mjs
import { DuckDBInstance } from '@duckdb/node-api';
const db = await (await DuckDBInstance.create(':memory:')).connect();
await db.run('SET threads=1');
// Row i has i % 3 pictures of 900 + i % 60 bytes and 1 + i % 4 turns; every seventh row has no ratings.
const bytes = (i, k) => `unhex(repeat(format('{:02x}{:02x}4e56', (${i} * 7 + ${k}) % 256, ${i} % 256), 225) || repeat('2a', ${i} % 60))`;
await db.run(`CREATE TABLE cauldron AS SELECT
  [{'bytes': ${bytes('i', 'k')}, 'path': CASE WHEN i % 2 = 0 THEN format('p{}-{}.png', i, k) END} FOR k IN range(i % 3)] AS images,
  [{'user': format('question {} of row {}? Größe 😀', k, i), 'assistant': CASE WHEN i % 5 = 0 THEN 'yes' ELSE format('answer {}', k * i) END, 'source': 'made'} FOR k IN range(1 + i % 4)] AS texts,
  'made' AS source,
  CASE WHEN i % 7 <> 0 THEN [CASE WHEN k = 1 THEN NULL ELSE (1 + (i + k) % 5)::BIGINT END FOR k IN range(1 + i % 4)] END AS relevance_ratings,
  CASE WHEN i % 7 <> 0 THEN [(1 + (i * k) % 5)::INTEGER FOR k IN range(1 + i % 4)] END AS visual_dependency_ratings
  FROM range(5000) t(i) ORDER BY i`);
await db.run(`CREATE TABLE single AS SELECT i AS id,
  CASE WHEN i % 3 > 0 THEN {'bytes': ${bytes('i', '0')}, 'path': NULL::VARCHAR} END AS image,
  [{'user': format('question 0 of row {}? Größe 😀', i), 'assistant': 'yes'}] AS texts
  FROM range(500) t(i) ORDER BY i`);
const copy = (what, name, options) => db.run(`COPY (SELECT * FROM ${what}) TO '${name}.parquet' (FORMAT parquet, ${options})`);
for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4_raw']) await copy('cauldron LIMIT 60', codec, `COMPRESSION ${codec}`);
await copy('cauldron LIMIT 60', 'v2', `COMPRESSION snappy, PARQUET_VERSION V2`);
await copy('cauldron LIMIT 60', 'v2-delta', `COMPRESSION zstd, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT 1`);
await copy('single LIMIT 60', 'single', `COMPRESSION snappy`);
await copy('(SELECT texts FROM cauldron) LIMIT 5000', 'groups', `COMPRESSION zstd, ROW_GROUP_SIZE 2048`);
