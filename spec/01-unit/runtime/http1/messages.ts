/** Answers, most of them written as somebody else might: what a client must make of their bytes. */

const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`

export interface Sample {
  name: string
  bytes: string
  method?: string
  /** Followed by the end of the connection. */
  ended?: boolean
}

export interface GoodSample extends Sample {
  status?: number
  headers?: Record<string, string | string[]>
  body?: string
  /** The connection can be used again. */
  kept?: boolean
}

export const GOOD: GoodSample[] = [
  {
    name: 'a length',
    bytes: `${HEAD}Content-Length: 5\r\n\r\nhello`,
    headers: { 'content-length': '5' },
    body: 'hello',
    kept: true,
  },
  { name: 'a length of nothing', bytes: `${HEAD}Content-Length: 0\r\n\r\n`, kept: true },
  { name: 'no reason', bytes: 'HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n', kept: true },
  {
    name: 'no reason and no space before it',
    bytes: 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n',
    kept: true,
  },
  { name: 'a reason beyond ASCII', bytes: 'HTTP/1.1 200 \xc3\xa9\r\ncontent-length: 0\r\n\r\n', kept: true },
  {
    name: 'a status that nobody has heard of',
    bytes: 'HTTP/1.1 599 x\r\ncontent-length: 0\r\n\r\n',
    status: 599,
    kept: true,
  },
  {
    name: 'no headers, and what comes until the end',
    bytes: `${HEAD}\r\nall of it`,
    body: 'all of it',
    ended: true,
  },
  { name: 'nothing until the end', bytes: `${HEAD}x: y\r\n\r\n`, ended: true },
  {
    name: 'headers with blanks around their values',
    bytes: `${HEAD}A: \t 1 \t2 \t\r\nb:3\r\nC:\r\nd: \r\ncontent-length: 0\r\n\r\n`,
    headers: { a: '1 \t2', b: '3', c: '', d: '' },
    kept: true,
  },
  {
    name: 'headers said twice',
    bytes: `${HEAD}set-cookie: a\r\nSet-Cookie: b\r\nset-cookie: c\r\ncontent-length: 0\r\n\r\n`,
    headers: { 'set-cookie': ['a', 'b', 'c'] },
    kept: true,
  },
  {
    name: 'headers under names of objects',
    bytes: `${HEAD}__proto__: a\r\nconstructor: b\r\ncontent-length: 0\r\n\r\n`,
    headers: { constructor: 'b' },
    kept: true,
  },
  {
    name: 'bytes beyond ASCII in a value',
    bytes: `${HEAD}a: \xe9\xa0\r\ncontent-length: 0\r\n\r\n`,
    headers: { a: '\xe9\xa0' },
    kept: true,
  },
  {
    name: 'a colon in a value',
    bytes: `${HEAD}a::b:c\r\ncontent-length: 0\r\n\r\n`,
    headers: { a: ':b:c' },
    kept: true,
  },
  { name: 'one chunk', bytes: `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, body: 'hello', kept: true },
  {
    name: 'many chunks',
    bytes: `${CHUNKED}1\r\nh\r\n003\r\nell\r\nA\r\no, world!?\r\n0\r\n\r\n`,
    body: 'hello, world!?',
    kept: true,
  },
  { name: 'no chunk', bytes: `${CHUNKED}0\r\n\r\n`, kept: true },
  {
    name: 'chunks that hold line ends',
    bytes: `${CHUNKED}4\r\n\r\n\r\n\r\n3\r\n0\r\n\r\n00\r\n\r\n`,
    body: '\r\n\r\n0\r\n',
    kept: true,
  },
  {
    name: 'sizes in either case',
    bytes: `${CHUNKED}0a\r\n0123456789\r\n0A\r\nabcdefghij\r\n0\r\n\r\n`,
    body: '0123456789abcdefghij',
    kept: true,
  },
  { name: 'chunked in capitals', bytes: `${HEAD}Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n`, kept: true },
  {
    name: 'chunk extensions',
    bytes: `${CHUNKED}2;a=b\r\nhe\r\n3;c="d e"\r\nllo\r\n0;x\r\n\r\n`,
    body: 'hello',
    kept: true,
  },
  {
    name: 'trailers',
    bytes: `${CHUNKED}5\r\nhello\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n`,
    body: 'hello',
    kept: true,
  },
  {
    name: 'an answer to HEAD',
    method: 'HEAD',
    bytes: `${HEAD}content-length: 5\r\n\r\n`,
    headers: { 'content-length': '5' },
    kept: true,
  },
  { name: 'an answer to HEAD in chunks', method: 'HEAD', bytes: CHUNKED, kept: true },
  { name: 'no content', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, kept: true },
  {
    name: 'not modified',
    bytes: 'HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n',
    status: 304,
    kept: true,
  },
  {
    name: 'informational answers before it',
    bytes: `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${HEAD}content-length: 2\r\n\r\nok`,
    body: 'ok',
    kept: true,
  },
  { name: 'HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', body: 'ok' },
  {
    name: 'HTTP/1.0 that stays',
    bytes: 'HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok',
    body: 'ok',
    kept: true,
  },
  { name: 'HTTP/1.0 until the end', bytes: 'HTTP/1.0 200 OK\r\n\r\nok', body: 'ok', ended: true },
  {
    name: 'a connection that closes',
    bytes: `${HEAD}connection: x, Close\r\ncontent-length: 2\r\n\r\nok`,
    body: 'ok',
  },
]

/** Where we say less than llhttp does, or more: both are right by RFC 9112. */
export const OWN_GOOD: GoodSample[] = [
  {
    name: 'a 100 that nobody asked for, as RFC 9110 §15.2 has it',
    bytes: `HTTP/1.1 100 Continue\r\n\r\n${HEAD}content-length: 2\r\n\r\nok`,
    body: 'ok',
    kept: true,
  },
  {
    name: 'garbage behind its end',
    bytes: `${HEAD}content-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n`,
    body: 'ok',
  },
  {
    name: 'no content, with the length of some: it may follow',
    bytes: 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n',
    headers: { 'content-length': '5' },
    status: 204,
  },
  {
    name: 'no content, in chunks: they may follow',
    bytes: 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n',
    status: 204,
  },
  {
    name: 'no content, with a length that says so',
    bytes: 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n',
    status: 204,
    kept: true,
  },
  { name: 'a body that no HEAD has', method: 'HEAD', bytes: `${HEAD}content-length: 2\r\n\r\nok` },
]

const length = (value: string) => `${HEAD}content-length: ${value}\r\n\r\nhello`

export const BAD: Sample[] = [
  { name: 'another protocol', bytes: 'SSH-2.0-OpenSSH_9.6\r\n\r\n' },
  { name: 'a page without a head', bytes: '<html></html>\r\n\r\n' },
  { name: 'another version', bytes: 'HTTP/3.0 200 OK\r\n\r\n' },
  { name: 'a version in small letters', bytes: 'http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n' },
  { name: 'no status', bytes: 'HTTP/1.1 OK\r\n\r\n' },
  { name: 'a status of two digits', bytes: 'HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n' },
  { name: 'a status of four digits', bytes: 'HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n' },
  { name: 'two spaces before the status', bytes: 'HTTP/1.1  200 OK\r\ncontent-length: 0\r\n\r\n' },
  { name: 'a folded line', bytes: `${HEAD}a: b\r\n c\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a folded first line', bytes: `${HEAD} a: b\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a blank before a colon', bytes: `${HEAD}content-length : 5\r\n\r\nhello` },
  { name: 'a blank in a name', bytes: `${HEAD}con tent: 5\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a line without a colon', bytes: `${HEAD}nothing\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a last line without a colon', bytes: `${HEAD}content-length: 0\r\nnothing\r\n\r\n` },
  { name: 'no name', bytes: `${HEAD}: x\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a name beyond ASCII', bytes: `${HEAD}\xe9: x\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a NUL in a value', bytes: `${HEAD}a: b\0c\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a lone CR in a value', bytes: `${HEAD}a: b\rc: d\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a bell in a value', bytes: `${HEAD}a: b\x07\r\ncontent-length: 0\r\n\r\n` },
  { name: 'two lengths', bytes: `${HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!` },
  { name: 'a list of lengths', bytes: length('5, 5') },
  { name: 'a length with a sign', bytes: length('+5') },
  { name: 'a negative length', bytes: length('-5') },
  { name: 'a hexadecimal length', bytes: length('0x5') },
  { name: 'a length with a fraction', bytes: length('5.0') },
  { name: 'no length in its header', bytes: length('') },
  { name: 'a length beyond all numbers', bytes: length('99999999999999999999') },
  {
    name: 'a length and chunks',
    bytes: `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    name: 'chunks and a length',
    bytes: `${HEAD}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  },
  { name: 'no size', bytes: `${CHUNKED}\r\nhello\r\n0\r\n\r\n` },
  { name: 'a size that is no number', bytes: `${CHUNKED}zz\r\nhello\r\n0\r\n\r\n` },
  { name: 'a negative size', bytes: `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n` },
  { name: 'a prefixed size', bytes: `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n` },
  { name: 'a blank behind a size', bytes: `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n` },
  { name: 'a size beyond all numbers', bytes: `${CHUNKED}fffffffffffffffff\r\nhello\r\n0\r\n\r\n` },
  { name: 'a chunk longer than its size', bytes: `${CHUNKED}3\r\nhello\r\n0\r\n\r\n` },
  { name: 'a chunk shorter than its size', bytes: `${CHUNKED}6\r\nhello\r\n0\r\n\r\n` },
  { name: 'a size that ends in a lone LF', bytes: `${CHUNKED}5\nhello\r\n0\r\n\r\n` },
  { name: 'a size that ends in a lone CR', bytes: `${CHUNKED}5\rhello\r\n0\r\n\r\n` },
  { name: 'a lone LF behind a chunk', bytes: `${CHUNKED}5\r\nhello\n0\r\n\r\n` },
  { name: 'an extension that ends in a lone LF', bytes: `${CHUNKED}5;a\nhello\r\n0\r\n\r\n` },
  { name: 'extensions without an end', bytes: `${CHUNKED}5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n` },
  { name: 'a trailer without a name', bytes: `${CHUNKED}0\r\nnothing\r\n\r\n` },
  {
    name: 'another protocol, unasked',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  },
  { name: 'headers beyond measure', bytes: `${HEAD}a: ${'a'.repeat(70_000)}\r\ncontent-length: 0\r\n\r\n` },
  { name: 'headers without an end, beyond measure', bytes: `${HEAD}a: ${'a'.repeat(70_000)}` },
  { name: 'nothing', bytes: '', ended: true },
  { name: 'half a status line', bytes: 'HTTP/1.1 20', ended: true },
  { name: 'half a head', bytes: `${HEAD}a: b\r\n`, ended: true },
  { name: 'a body shorter than its length', bytes: `${HEAD}content-length: 9\r\n\r\nhello`, ended: true },
  { name: 'no last chunk', bytes: `${CHUNKED}5\r\nhello\r\n`, ended: true },
  { name: 'half a last chunk', bytes: `${CHUNKED}5\r\nhello\r\n0\r\n`, ended: true },
  { name: 'informational answers alone', bytes: 'HTTP/1.1 103 Early Hints\r\n\r\n', ended: true },
]

/** Answers that others still take, and that somebody in between could read otherwise. */
export const STRICTLY_BAD: Sample[] = [
  { name: 'lines that end in a lone LF', bytes: 'HTTP/1.1 200 OK\ncontent-length: 0\n\n', ended: true },
  { name: 'a status below 100', bytes: 'HTTP/1.1 099 x\r\ncontent-length: 0\r\n\r\n' },
  { name: 'line ends before it', bytes: `\r\n${HEAD}content-length: 0\r\n\r\n` },
  { name: 'the same length twice', bytes: `${HEAD}content-length: 5\r\ncontent-length: 5\r\n\r\nhello` },
  {
    name: 'a transfer coding but chunked',
    bytes: `${HEAD}transfer-encoding: gzip\r\n\r\nhello`,
    ended: true,
  },
  {
    name: 'chunked, but not last',
    bytes: `${HEAD}transfer-encoding: chunked, identity\r\n\r\nhello`,
    ended: true,
  },
  { name: 'a coding before chunked', bytes: `${HEAD}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  {
    name: 'chunked twice',
    bytes: `${HEAD}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  { name: 'chunks in HTTP/1.0', bytes: 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n' },
  { name: 'trailers without an end', bytes: `${CHUNKED}0\r\nx: ${'a'.repeat(20_000)}\r\n\r\n` },
  { name: 'a lone LF in a value', bytes: `${HEAD}a: b\nc\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a lone LF behind a header', bytes: `${HEAD}a: b\nc: d\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a lone LF in a name', bytes: `${HEAD}a\nb: c\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a CR too many', bytes: `${HEAD}a: b\r\r\ncontent-length: 0\r\n\r\n` },
  { name: 'a CR too many at the end', bytes: `${HEAD}content-length: 0\r\r\n\r\n` },
  { name: 'a DEL in a value', bytes: `${HEAD}a: \x7f\r\ncontent-length: 0\r\n\r\n` },
  { name: 'many extensions', bytes: `${CHUNKED}${`1;${'a'.repeat(999)}\r\nx\r\n`.repeat(20)}0\r\n\r\n` },
]
