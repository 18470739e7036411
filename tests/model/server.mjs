// A small real model behind the part of OpenAI's API that ADRS uses, on 127.0.0.1.
//
//     node server.mjs PACKAGE MODEL.gguf [PORT]
//
// PACKAGE is the folder of node-llama-cpp. The first line on stdout is the base URL.

import http from "node:http";
import path from "node:path";
import {pathToFileURL} from "node:url";

const [packageFolder, modelPath, port = "0"] = process.argv.slice(2);
const entry = pathToFileURL(path.join(packageFolder, "dist", "index.js"));
const {getLlama, LlamaChatSession} = await import(entry);

const MOST_TOKENS = 400; // the model is small enough to repeat itself until it is stopped

const llama = await getLlama({gpu: false, build: "never", maxThreads: 1});
const model = await llama.loadModel({modelPath});
const context = await model.createContext({contextSize: 8192, threads: 1}); // two are slower
const sequence = context.getSequence();
let turn = Promise.resolve(); // one sequence, so one answer at a time

async function complete(asked) {
    const turns = asked.messages.map(({role, content}) =>
        role === "assistant" ? {type: "model", response: [content]} : {type: role, text: content}
    );
    const prompt = turns.pop().text;
    const session = new LlamaChatSession({contextSequence: sequence});
    session.setChatHistory(turns);
    const spent = sequence.tokenMeter.usedOutputTokens;
    const {responseText, stopReason} = await session.promptWithMeta(prompt, {
        maxTokens: Math.min(asked.max_completion_tokens ?? asked.max_tokens ?? MOST_TOKENS, MOST_TOKENS),
        temperature: asked.temperature ?? 0,
        seed: asked.seed ?? 0
    });
    session.dispose({disposeSequence: false});
    return {
        object: "chat.completion",
        model: path.basename(modelPath, ".gguf"),
        choices: [{
            index: 0,
            message: {role: "assistant", content: responseText},
            finish_reason: stopReason === "maxTokens" ? "length" : "stop"
        }],
        usage: {
            prompt_tokens: asked.messages.reduce((sum, {content}) => sum + model.tokenize(content).length, 0),
            completion_tokens: sequence.tokenMeter.usedOutputTokens - spent
        }
    };
}

function write(response, status, body) {
    const bytes = Buffer.from(JSON.stringify(body));
    response.writeHead(status, {"Content-Type": "application/json", "Content-Length": bytes.length});
    response.end(bytes); // goes out in one piece with the head
}

const server = http.createServer(async (request, response) => {
    if (request.method !== "POST" || request.url !== "/v1/chat/completions")
        return write(response, 404, {error: {message: "there is only POST /v1/chat/completions"}});
    try {
        const asked = JSON.parse(Buffer.concat(await request.toArray()).toString());
        if (asked.response_format?.type === "json_schema")
            return write(response, 400, {error: {message: "response_format json_schema is not supported"}});
        turn = turn.catch(() => undefined).then(() => complete(asked));
        write(response, 200, await turn);
    } catch (error) {
        write(response, 500, {error: {message: String(error)}});
    }
});
server.listen(Number(port), "127.0.0.1", () =>
    console.log(`http://127.0.0.1:${server.address().port}/v1`)
);
