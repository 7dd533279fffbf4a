/** A message that is no HTTP/1.1 (RFC 9110, RFC 9112), or one that could be read in more than one way. */
export class MessageFault extends Error {
  override readonly name = 'MessageFault'
}
