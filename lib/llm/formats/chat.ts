export { ChatStreamSink } from './chat-stream.js'
export { ChatWholeSink } from './chat-whole.js'
