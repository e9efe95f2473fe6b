// llama.cpp on the CPU, timed: tokens per second of a prompt and of decoding, as one line of JSON. Both
// are done twice, and the second time counts.
//
//   npm install node-llama-cpp@3.22.1
//   node bench/peers/llamacpp.mjs MODEL.gguf TEXT [PROMPT_TOKENS] [NEW_TOKENS] [THREADS]
//
// generate.py runs it beside vulora and transformers.
import {readFileSync} from "node:fs";
import {getLlama} from "node-llama-cpp";

const [path, text, prompt = "512", fresh = "64", threads = "2"] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never"});
const model = await llama.loadModel({modelPath: path});
const context = await model.createContext({
	contextSize: Number(prompt) + Number(fresh) + 8, batchSize: 512, threads: Number(threads), flashAttention: true,
});
const tokens = model.tokenize(readFileSync(text, "utf8")).slice(0, Number(prompt));
const sequence = context.getSequence();
let read, wrote, n;
for (let turn = 0; turn < 2; turn++) { // the second counts: the first loads the weights
	await sequence.clearHistory();
	let start = performance.now();
	await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, -1));
	read = (performance.now() - start) / 1000;
	start = performance.now();
	n = 0;
	for await (const _ of sequence.evaluate(tokens.slice(-1), {temperature: 0, yieldEogToken: true})) {
		if (++n === Number(fresh)) break;
	}
	wrote = (performance.now() - start) / 1000;
}
console.log(JSON.stringify({prompt_tokens: tokens.length - 1, prompt_tokens_per_second: (tokens.length - 1) / read,
	new_tokens: n, decode_tokens_per_second: n / wrote}));
process.exit(0);
