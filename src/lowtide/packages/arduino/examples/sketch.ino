/* The self-test: prints PASS, or FAIL and where, and how long it takes. main.c above shows how the network is called.
   Change this file as you like: what is changed stays, whatever lowtide writes here. */
#include <@name@.h>
#include <@network@_selftest.h>

/* 1 if a network did not make what it was expected to. */
static int failed(const char *network, const lowtide_selftest &found) {
  if (!found.wrong) return 0;
  Serial.print(network);
  if (!found.output) {
    Serial.println(": the reference is not what was written");
    return 1;
  }
  Serial.print(": output ");
  Serial.print(found.output);
  Serial.print(", sample ");
  Serial.print(found.sample);
  Serial.print(": wrong elements: ");
  Serial.print(found.wrong);
  Serial.print(", the first is ");
  Serial.println(found.element);
  return 1;
}

void setup() {
  Serial.begin(115200);
}

void loop() {
  const unsigned long began = micros();
  int all = 0;
  all += failed("@network@", @network@_selftest());
  const unsigned long took = micros() - began;
  Serial.println(all ? "FAIL" : "PASS");
  Serial.print(took);
  Serial.println(" us");
  delay(2000);
}
