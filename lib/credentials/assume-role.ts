import { emptyHeaders } from '../pdk/headers.js'
import { CredentialError } from './error.js'
import { signRequest, type AwsCredentials } from './sigv4.js'
import type { Expiring } from './token-cache.js'
import { callTokenEndpoint } from './token-endpoint.js'

export interface Role {
  /** Whose endpoint is called, where none is given. */
  region: string
  arn: string
  sessionName: string
  /** Replaces the region's endpoint. */
  endpoint: string | undefined
}

const WHOSE = 'the AWS STS endpoint'

/**
 * Temporary credentials of a role, for an hour.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function assumeRole(
  role: Role,
  credentials: AwsCredentials,
  signal: AbortSignal,
): Promise<Expiring<AwsCredentials>> {
  const url = role.endpoint || regionalEndpoint(role.region)
  if (!URL.canParse(url)) throw new CredentialError(`${WHOSE} is not configured as a URL`)
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const scheme = protocol === 'http:' ? 'http' : 'https'
  const form = {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role.arn,
    RoleSessionName: role.sessionName,
  }
  const body = new URLSearchParams(form).toString()
  const headers = emptyHeaders()
  headers['content-type'] = 'application/x-www-form-urlencoded'
  const request = {
    scheme,
    host: hostname,
    port: port === '' ? (scheme === 'http' ? 80 : 443) : Number(port),
    method: 'POST',
    path: pathname,
    rawQuery: search.slice(1),
    headers,
    body,
  } as const
  signRequest(request, { service: 'sts', region: regionOf(hostname) ?? role.region }, credentials)
  const { status, text } = await callTokenEndpoint(
    { whose: WHOSE, method: 'POST', url, headers: headers as Record<string, string>, body },
    signal,
  )
  if (status !== 200) throw new CredentialError(`${WHOSE} answered ${status}${refusal(text)}`)
  return readCredentials(text)
}

/** https://docs.aws.amazon.com/general/latest/gr/sts.html */
function regionalEndpoint(region: string): string {
  return `https://sts.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}/`
}

/** The region that an endpoint of AWS wants to be signed for, which need not be that of Bedrock. */
function regionOf(host: string): string | undefined {
  if (host === 'sts.amazonaws.com') return 'us-east-1'
  return /(?:^|\.)sts(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com/.exec(host)?.[1]
}

function readCredentials(xml: string): Expiring<AwsCredentials> {
  const found = /<Credentials>(.*?)<\/Credentials>/s.exec(xml)?.[1] ?? ''
  const accessKeyId = element(found, 'AccessKeyId', /^\w{16,128}$/)
  const secretAccessKey = element(found, 'SecretAccessKey', /^[\w+/=]+$/)
  const sessionToken = element(found, 'SessionToken', /^[\w+/=]+$/)
  const expiresAt = Date.parse(element(found, 'Expiration', /^[\d-]{10}T[\d:.]{8,}Z$/) ?? '')
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(expiresAt)) {
    throw new CredentialError(`${WHOSE} answered without credentials`)
  }
  return { value: { accessKeyId, secretAccessKey, sessionToken }, expiresAt }
}

/** The code alone: the message of a refused signature quotes the request, session token and all. */
function refusal(xml: string): string {
  const error = /<Error>(.*?)<\/Error>/s.exec(xml)?.[1] ?? ''
  const code = element(error, 'Code', /^[A-Za-z.]{1,60}$/)
  return code === undefined ? '' : `: ${code}`
}

/** The text of an element that holds nothing but text of the given shape. */
function element(xml: string, name: string, shape: RegExp): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]?.trim()
  return text !== undefined && shape.test(text) ? text : undefined
}
