import type { JsonObject } from '../../json.js'

/**
 * The generateContent API as far as it is written here. What the API answers is read field by field and needs no
 * types: see `answer.ts`.
 *
 * Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/caching#Content
 */
export type Content = { role: 'user' | 'model'; parts: Part[] }

export type Part =
  | { text: string; thoughtSignature?: string }
  | InlineDataPart
  | { fileData: { fileUri: string; mimeType?: string } }
  | FunctionCallPart
  | FunctionResponsePart

export type InlineDataPart = { inlineData: { mimeType: string; data: string } }

export type FunctionCallPart = {
  functionCall: { id?: string; name: string; args: JsonObject }
  thoughtSignature?: string
}

export type FunctionResponsePart = {
  functionResponse: { id?: string; name: string; response: JsonObject; parts?: InlineDataPart[] }
}

export type FunctionDeclaration = {
  name: string
  description?: string
  parametersJsonSchema?: JsonObject
}

export type FunctionCallingConfig = {
  mode: 'AUTO' | 'ANY' | 'NONE' | 'VALIDATED'
  allowedFunctionNames?: string[]
}
