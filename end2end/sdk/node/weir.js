// Where the tests find the server; the harness sets it.

export const url = process.env.WEIR_URL;
export const token = process.env.APP_TOKEN;
export const singleToken = process.env.SINGLE_TOKEN;
export const path = (gateway, rest) => `${url}/v1/acme/${gateway}/${rest}`;
export const unique = () => `question ${crypto.randomUUID().replaceAll("-", "")}`;

/** Models of providers with APIs of their own, as every API in front of them names them. */
export const far = {
  gpt: "openai/gpt-4o-mini",
  claude: "anthropic/claude-haiku-4-5",
  gemini: "google-ai-studio/gemini-2.5-flash",
  local: "custom-local/gpt-4o-mini",
};
