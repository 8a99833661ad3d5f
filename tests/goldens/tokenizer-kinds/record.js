// Records what Hugging Face's tokenizers library makes of every kind of part that NanoVlm reads, on texts that tell the kinds apart:
//   npm install tokenizers@0.23.2 && node record.js [RANDOM_TEXTS [SEED]] > expected.json
const { Tokenizer } = require('tokenizers');

const texts = [
  '', ' ', 'a', 'Hello world', '  Hello,   world!! ', 'It\'s the  end -- isn\'t it?', 'tabs\tand\r\nlines\n\n ', 'snake_case-and-dash', 'x1y22z333 ½ Ⅷ ٣٤',
  'Ünïcödé É e\u0301\u0327 o\u0302\u0308 ȩ́', '你好,世界 hello', 'ﬁne ﬂow Ａｂｃ ｶﾞ ㎏', '😀 👩‍👩‍👧 a😀b', '\u0344x\u09c7\u09be', 'नमस्ते दुनिया', 'Straße İstanbul ΣΑΣ', '\u200Bzero\u00A0width\uFEFF',
  '▁under▁ ▁ ▁▁x', '<s>hi</s> there', 'a<s>  b</s>', 'don\'t do not', '한국어 각 \u1100\u1161\u11a8', '\u0001ctl\u007f\u0085\u0000z', 'Ⓐ🄰 a\u200db', '$5+3=8 <tag> ~`^|', '«quote» … – ‘x’', '\u1e9b\u0323\ufdfa', 'a.b.c', '...', 'aaaaaa', 'abcabc ab cab',
];
const seed = { value: Number(process.argv[3] ?? 1) };
function random(n) { // a linear congruential generator, so that a seed says everything
  seed.value = (Math.imul(seed.value, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed.value / 2 ** 32 * n);
}
const fragments = [...texts.join('')].concat([' ', '  ', '\n', 'the', 'ab', 'e\u0301', 'a\u0327\u0301', '<s>', '</s>', '▁', '\'s', '!', '1', '👩‍👩‍👧', '\u0301', '\u0323', 'ﬁ', 'ｶﾞ', '가', '\u11a8']);
for (let i = 0; i < Number(process.argv[2] ?? 0); i++)
  texts.push(Array.from({ length: 1 + random(12) }, () => fragments[random(fragments.length)]).join(''));

// Every piece is one unknown token, which is spelled as the piece.
const pieces = { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0]], byte_fallback: false };
const special = (content, id, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const build = parts => ({ version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model: pieces, ...parts });
const each = { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false };
const words = [['<unk>', -9], ['a', -2], ['b', -2], ['c', -2.5], ['ab', -3], ['abc', -4.5], ['bc', -3.5], ['▁', -3], ['▁a', -3.5], ['▁the', -4], ['t', -5], ['h', -5], ['e', -4], ['he', -6], ['th', -7], ['aa', -4], ['aaa', -6], ['l', -4], ['o', -4], ['lo', -5], ['你好', -7], ['😀', -8], ['é', -5]];
const withBytes = [...words, ...Array.from({ length: 256 }, (_, b) => [`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`, -20])];
const pieceVocabulary = Object.fromEntries(['[UNK]', 'a', 'b', 'c', '##a', '##b', '##c', 'ab', '##bc', 'abc', 'he', '##llo', 'hello', 'wor', '##ld', '##s', 'the', 'end', '##e', '你', '好', '##好', '.', ',', '!', '\'', 't', 'isn', 'i', '##t', 'do', 'not', 'don', '😀'].map((t, i) => [t, i]));

// A character map in SentencePiece's form: a double-array trie from UTF-8 to replacements.
function characterMap(entries) {
  const encoder = new TextEncoder();
  let strings = [], offsets = new Map(), length = 0;
  for (const [, to] of entries) if (!offsets.has(to)) { const b = [...encoder.encode(to), 0]; offsets.set(to, length); strings.push(...b); length += b.length; }
  const root = { next: new Map() };
  for (const [from, to] of entries) {
    let node = root;
    for (const b of encoder.encode(from)) { if (!node.next.has(b)) node.next.set(b, { next: new Map() }); node = node.next.get(b); }
    node.value = offsets.get(to);
  }
  const units = new Map([[0, 0]]), used = new Set([0]);
  (function place(node, at) {
    const labels = [...node.next.keys()].sort((a, b) => a - b);
    const all = node.value === undefined ? labels : [0, ...labels];
    let base = 1;
    while (used.has(base) || all.some(l => units.has(base ^ l) ) || ((at ^ base) >= 2 ** 21)) base++;
    used.add(base);
    units.set(at, ((units.get(at) ?? 0) | ((at ^ base) << 10) | (node.value === undefined ? 0 : 0x100)) >>> 0);
    if (node.value !== undefined) units.set(base, (0x80000000 | node.value) >>> 0);
    for (const l of labels) units.set(base ^ l, l);
    for (const l of labels) place(node.next.get(l), base ^ l);
  })(root, 0);
  const size = (Math.max(...units.keys()) | 255) + 1, bytes = Buffer.alloc(4 + 4 * size + strings.length);
  bytes.writeUInt32LE(4 * size, 0);
  for (const [i, u] of units) bytes.writeUInt32LE(u, 4 + 4 * i);
  Buffer.from(strings).copy(bytes, 4 + 4 * size);
  return bytes.toString('base64');
}
const map = characterMap([['ﬁ', 'fi'], ['ﬂ', 'fl'], ['Ａ', 'A'], ['ｂ', 'b'], ['㎏', 'kg'], ['\t', ' '], ['\n', ' '], ['\u00a0', ' '], ['\u200b', ''], ['\ufeff', ''], ['\u0001', ''],
  ['e\u0301', 'é'], ['…', '...'], ['é', 'e'], ['😀', ':)'], ['ｶﾞ', 'ガ'], ['\u1100', 'G'], ['\ufdfa', 'صلى الله عليه وسلم'], ['½', '1⁄2'], ['你', '']]);

const configs = {};
const normalizers = {
  NFC: { type: 'NFC' }, NFD: { type: 'NFD' }, NFKC: { type: 'NFKC' }, NFKD: { type: 'NFKD' }, Lowercase: { type: 'Lowercase' }, Nmt: { type: 'Nmt' },
  StripAccents: { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }] },
  'StripAccents alone': { type: 'StripAccents' },
  Strip: { type: 'Strip', strip_left: true, strip_right: true }, 'Strip left': { type: 'Strip', strip_left: true, strip_right: false }, 'Strip right': { type: 'Strip', strip_left: false, strip_right: true },
  Prepend: { type: 'Prepend', prepend: '▁▁x' }, 'Replace string': { type: 'Replace', pattern: { String: 'a' }, content: 'éé' }, 'Replace with nothing': { type: 'Replace', pattern: { String: 'a' }, content: '' },
  'Replace regex': { type: 'Replace', pattern: { Regex: ' {2,}|[,!]+' }, content: ' ' }, 'Replace class': { type: 'Replace', pattern: { Regex: '\\s+' }, content: '▁' },
  'Replace words': { type: 'Replace', pattern: { Regex: '\\w+' }, content: 'W' }, 'Replace digits': { type: 'Replace', pattern: { Regex: '\\d' }, content: '0' },
  Bert: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  'Bert cased': { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: false },
  'Bert accents': { type: 'BertNormalizer', clean_text: false, handle_chinese_chars: false, strip_accents: true, lowercase: false },
  'Bert lower only': { type: 'BertNormalizer', clean_text: false, handle_chinese_chars: false, strip_accents: false, lowercase: true },
  Precompiled: { type: 'Precompiled', precompiled_charsmap: map },
  'XLM-R': { type: 'Sequence', normalizers: [{ type: 'Nmt' }, { type: 'Precompiled', precompiled_charsmap: map }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }] },
};
for (const [name, normalizer] of Object.entries(normalizers)) configs[`normalizer ${name}`] = build({ normalizer, pre_tokenizer: each });
const preTokenizers = {
  Whitespace: { type: 'Whitespace' }, WhitespaceSplit: { type: 'WhitespaceSplit' }, Bert: { type: 'BertPreTokenizer' }, CharDelimiterSplit: { type: 'CharDelimiterSplit', delimiter: 'a' },
  Digits: { type: 'Digits', individual_digits: false }, 'Digits individual': { type: 'Digits', individual_digits: true },
  ByteLevel: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, 'ByteLevel prefix': { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  'ByteLevel whole': { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: false },
  'ByteLevel then Split': { type: 'Sequence', pretokenizers: [{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, { type: 'Split', pattern: { String: 'Ġ' }, behavior: 'Isolated', invert: false }] },
  'Metaspace after words': { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }] },
  'Metaspace first after words': { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true }] },
  'Metaspace of old': { type: 'Metaspace', replacement: '▁', add_prefix_space: true },
};
for (const scheme of ['always', 'first', 'never'])
  for (const split of [true, false]) preTokenizers[`Metaspace ${scheme} ${split}`] = { type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split };
const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];
for (const behavior of behaviors) {
  preTokenizers[`Punctuation ${behavior}`] = { type: 'Punctuation', behavior };
  for (const invert of [false, true])
    for (const pattern of [{ String: ' ' }, { String: 'a' }, { Regex: '\\w+|[^\\w\\s]' }, { Regex: '(?=[A-Z ])' }, { Regex: '\\p{L}+(?!\\s)' }, { Regex: '(?i:\'s|\'t|\'re|\'ve|\'m|\'ll|\'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+' }])
      preTokenizers[`Split ${Object.values(pattern)[0]} ${behavior} ${invert}`] = { type: 'Split', pattern, behavior, invert };
}
for (const [name, pre_tokenizer] of Object.entries(preTokenizers)) configs[`pre-tokenizer ${name}`] = build({ pre_tokenizer, added_tokens: [special('<s>', 0 + 1), special('</s>', 2, { lstrip: true, rstrip: true })] });
configs['Metaspace first, stripped'] = build({ normalizer: { type: 'Strip', strip_left: true, strip_right: true }, pre_tokenizer: preTokenizers['Metaspace first true'] });

const models = {
  Unigram: { type: 'Unigram', unk_id: 0, vocab: words, byte_fallback: false }, 'Unigram bytes': { type: 'Unigram', unk_id: 0, vocab: withBytes, byte_fallback: true },
  WordPiece: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 5, vocab: pieceVocabulary },
  WordLevel: { type: 'WordLevel', unk_token: '[UNK]', vocab: pieceVocabulary },
  'BPE unknown': { type: 'BPE', vocab: { '<unk>': 0, a: 1, b: 2, c: 3, ab: 4, abc: 5, aa: 6, '▁': 7, '▁a': 8 }, merges: [['a', 'b'], ['ab', 'c'], ['a', 'a'], ['▁', 'a']], unk_token: '<unk>', fuse_unk: false, byte_fallback: false, dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, ignore_merges: false },
  'BPE suffix': { type: 'BPE', vocab: { '<unk>': 0, a: 1, b: 2, c: 3, 'a</w>': 4, 'b</w>': 5, 'c</w>': 6, 'ab</w>': 7, 'bc</w>': 8 }, merges: ['a b</w>', 'b c</w>'], unk_token: '<unk>', fuse_unk: true, byte_fallback: false, dropout: null, continuing_subword_prefix: null, end_of_word_suffix: '</w>', ignore_merges: false },
  'BPE prefix': { type: 'BPE', vocab: { '<unk>': 0, a: 1, b: 2, '##a': 3, '##b': 4, ab: 5, '##ab': 6, 'aab': 7 }, merges: ['a ##b', '##a ##b', 'a ##ab'], unk_token: '<unk>', fuse_unk: true, byte_fallback: false, dropout: null, continuing_subword_prefix: '##', end_of_word_suffix: null, ignore_merges: false },
};
const metaspace = preTokenizers['Metaspace always true'];
const decoders = {
  none: null, Metaspace: metaspace, 'Metaspace never': { ...metaspace, prepend_scheme: 'never' }, WordPiece: { type: 'WordPiece', prefix: '##', cleanup: true }, 'WordPiece plain': { type: 'WordPiece', prefix: '##', cleanup: false },
  BPEDecoder: { type: 'BPEDecoder', suffix: '</w>' }, Fuse: { type: 'Fuse' }, ByteFallback: { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] },
  'Replace regex': { type: 'Replace', pattern: { Regex: '[ab]+' }, content: '<$0>' }, ByteLevel: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
};
for (const [name, model] of Object.entries(models)) {
  const pre_tokenizer = name.startsWith('Unigram') || name === 'BPE unknown' ? metaspace : { type: 'BertPreTokenizer' };
  for (const [decoderName, decoder] of Object.entries(decoders)) configs[`model ${name}, decoder ${decoderName}`] = build({ model, pre_tokenizer, decoder });
  configs[`model ${name}, whole`] = build({ model });
}

const framed = model => ({ model, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, added_tokens: [special('<s>', 1), special('</s>', 2)] });
const cls = ['<s>', 1], sep = ['</s>', 2], s = (id, type_id) => ({ SpecialToken: { id, type_id } }), q = (id, type_id) => ({ Sequence: { id, type_id } });
const template = { type: 'TemplateProcessing', single: [s('<s>', 0), q('A', 0), s('</s>', 0)], pair: [q('B', 3), s('</s>', 1), q('A', 2)], special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] }, '</s>': { id: '</s>', ids: [2, 1], tokens: ['</s>', '<s>'] } } };
const processors = {
  none: null, Bert: { type: 'BertProcessing', cls, sep }, Roberta: { type: 'RobertaProcessing', cls, sep, trim_offsets: true, add_prefix_space: true }, 'Roberta untrimmed': { type: 'RobertaProcessing', cls, sep, trim_offsets: false, add_prefix_space: true },
  'Roberta no prefix': { type: 'RobertaProcessing', cls, sep, trim_offsets: true, add_prefix_space: false }, Template: template,
  ByteLevel: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, 'ByteLevel no prefix': { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  Sequence: { type: 'Sequence', processors: [{ type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, template] },
};
for (const [name, post_processor] of Object.entries(processors)) configs[`post-processor ${name}`] = build({ ...framed(pieces), post_processor });

const added = {
  plain: {}, lstrip: { lstrip: true }, rstrip: { rstrip: true }, single_word: { single_word: true }, normalized: { normalized: true, special: false }, all: { lstrip: true, rstrip: true, single_word: true, normalized: true, special: false },
};
for (const [name, more] of Object.entries(added))
  configs[`added ${name}`] = build({ normalizer: { type: 'Sequence', normalizers: [{ type: 'Lowercase' }, { type: 'Replace', pattern: { String: '▁' }, content: '_' }] }, pre_tokenizer: { type: 'WhitespaceSplit' }, added_tokens: [special('<s>', 1, more), special('▁', 2, more), special('Hello', 3, more), special('b', 4, more), special('ab', 5, more)], decoder: { type: 'Fuse' } });

(async () => {
  const report = [];
  for (const [name, config] of Object.entries(configs)) {
    let tokenizer;
    try { tokenizer = Tokenizer.fromString(JSON.stringify(config)); } catch (e) { console.error(`${name}: ${e.message}`); continue; }
    const cases = [];
    const paired = name.startsWith('post-processor');
    for (const [i, text] of texts.entries()) {
      for (const pair of paired ? [null, texts[(i + 3) % texts.length]] : [null]) {
        const encoding = await tokenizer.encode(text, pair), plain = await tokenizer.encode(text, pair, { addSpecialTokens: false });
        const ids = encoding.getIds();
        const one = { text, ids, tokens: encoding.getTokens(), offsets: encoding.getOffsets() };
        if (pair !== null) one.pair = pair;
        if (paired) Object.assign(one, { types: encoding.getTypeIds(), mask: encoding.getSpecialTokensMask(), plain: plain.getIds(), plain_types: plain.getTypeIds(), plain_offsets: plain.getOffsets() });
        if (config.decoder) Object.assign(one, { decoded: await tokenizer.decode(ids, false), skipped: await tokenizer.decode(ids, true) });
        cases.push(one);
      }
    }
    report.push({ name, tokenizer: config, cases });
  }
  console.log('[\n' + report.map(r => JSON.stringify(r)).join(',\n') + '\n]');
})();
