/** The part of kong-pdk that a serving process loads. The package has no types for it. */
declare module 'kong-pdk/pdk.js' {
  interface Pipe {
    put(call: { Method: string; Args: unknown[] }): void
    /** The value of the call that was put first and has none yet, or an error. */
    get(): Promise<readonly [value: unknown, error: unknown]>
  }
  export default class PDK {
    constructor(pipe: Pipe)
    readonly kong: object
  }
}
