import type { SchemaField } from '../../lib/pdk/plugin.js'

/** The fields of `config`, in Kong's schema language. */
export const Schema: SchemaField[] = [
  {
    word: {
      type: 'string',
      required: true,
      description: 'The word to replace in the body of responses.',
    },
  },
  {
    replacement: {
      type: 'string',
      default: '***',
      len_min: 0,
      description: 'What stands in its place; may be empty.',
    },
  },
]
