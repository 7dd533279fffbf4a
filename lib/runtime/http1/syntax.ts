/** RFC 9110 §5.6.2: names of headers, and methods. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What no header's value holds (RFC 9110 §5.5): control characters but HTAB, and what a byte cannot hold. */
export const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** RFC 9110 §8.6. At most fifteen digits: no number that loses a bit. */
export const LENGTH = /^\d{1,15}$/
