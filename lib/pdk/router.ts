import { accessAndLater, read } from './method.js'

/** `kong.router`: what the request matched. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.router/ */
export const router = {
  getRoute: read(accessAndLater, ({ exchange }) => exchange.route),
  /** undefined for a Route without a Service. */
  getService: read(accessAndLater, ({ exchange }) => exchange.service),
}
