// Prints every diagnostic of the AsyncAPI project's parser for a document; exit code 1 when one is an error.
import { Parser, fromFile } from "@asyncapi/parser";

const severities = ["error", "warning", "information", "hint"];
const file = process.argv[2] ?? "../asyncapi.yaml";
const { document, diagnostics } = await fromFile(new Parser(), file).parse();

for (const { severity, code, path, range, message } of diagnostics) {
  console.log(`${severities[severity]} ${code} at ${path.join(".")} (line ${range.start.line + 1}): ${message}`);
}
const errors = diagnostics.filter(({ severity }) => severity === 0).length;
if (document === undefined || errors > 0) {
  console.log(`${file}: refused, ${errors} errors`);
  process.exit(1);
}
const channels = document.channels().all();
console.log(
  `${file}: accepted, AsyncAPI ${document.version()}, ${channels.length} channels, ` +
    `${document.components().messages().length} messages, ${document.operations().length} operations, ` +
    `${diagnostics.length} diagnostics`,
);
