import type { ChatRequest } from '../chat.js'
import type { RemoteImage } from '../driver.js'

/** The images of a request that are only named by their URL, for a provider that takes bytes. */
export function remoteImages(chat: ChatRequest): RemoteImage[] {
  return chat.messages.flatMap((message, i) => {
    if ((message.role !== 'user' && message.role !== 'tool') || !Array.isArray(message.content)) return []
    return message.content.flatMap((part, j) => {
      if (part.type !== 'image_url' || !/^https?:/i.test(part.image_url.url)) return []
      const image = part.image_url
      const path = `messages[${i}].content[${j}].image_url.url`
      return [{ path, url: image.url, inline: (dataUrl: string) => void (image.url = dataUrl) }]
    })
  })
}
