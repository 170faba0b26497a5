/**
 * Shows that the message union stays closed, that the data half of it is what
 * a stream emits, and that mistakes are refused where they are made.
 */
import * as Message from "kharbranth/Message"
import { expectTypeOf } from "vitest"

expectTypeOf<Message.Message["_tag"]>().toEqualTypeOf<"Text" | "Binary" | "Ping" | "Pong" | "Close">()
expectTypeOf<Message.Data>().toEqualTypeOf<Message.Text | Message.Binary>()
expectTypeOf<string>().toExtend<Message.Input>()
expectTypeOf<Uint8Array>().toExtend<Message.Input>()
expectTypeOf<Message.Ping>().not.toExtend<Message.Input>()
expectTypeOf(Message.text).toEqualTypeOf<(text: string) => Message.Text>()

// @ts-expect-error: text is a string
Message.text(1)

// @ts-expect-error: messages are read-only
Message.text("a").text = "b"
