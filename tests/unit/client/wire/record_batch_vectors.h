/*
 * Batches of magic 2 as other programs made them: python3-kafka 2.0.2, and what kcat with
 * librdkafka 2.0.2 sent in Produce requests.
 */
#ifndef TESTS_UNIT_CLIENT_WIRE_RECORD_BATCH_VECTORS_H
#define TESTS_UNIT_CLIENT_WIRE_RECORD_BATCH_VECTORS_H

/* Offsets 0 and 1, leader epoch 3; "k" = "v1"; null = "v2" 5 ms later with the header h = x. */
#define VECTOR_TWO_RECORDS                                                           \
    "0000000000000000 00000048 00000003 02 fde86579 0000 00000001 0000018bcfe56800 " \
    "0000018bcfe56805 ffffffffffffffff ffff ffffffff 00000002 "                      \
    "12 00 00 00 02 6b 04 7631 00 "                                                  \
    "18 00 0a 02 01 04 7632 02 02 68 02 78"

/* Offset 7, producer 1000 of epoch 2, coordinator epoch 4. */
#define VECTOR_COMMIT_MARKER                                                         \
    "0000000000000007 00000042 00000003 02 b47b205d 0030 00000000 0000018bcfe56800 " \
    "0000018bcfe56800 00000000000003e8 0002 ffffffff 00000001 "                      \
    "20 00 00 00 08 0000 0001 0c 0000 00000004 00"

/* Producer 4711 of epoch 3, sequence 17, transactional, timestamps 1700000000000, -10, +7. "k" =
 * "v1" twenty times; null = "" with the headers h = x and n = null; "" = null. */
#define VECTOR_PYTHON_NONE                                                                   \
    "00000000000000000000007600000000021cce9efc0010000000020000018bcfe568000000018bcfe56807" \
    "0000000000001267000300000011000000035e000000026b50763176317631763176317631763176317631" \
    "76317631763176317631763176317631763176317631001a00130201000402680278026e010c000e04000100"
#define VECTOR_PYTHON_GZIP                                                                   \
    "00000000000000000000006600000000023382d9cd0011000000020000018bcfe568000000018bcfe56807" \
    "0000000000001267000300000011000000031f8b08004bcb006b02ff8b63606060ca0e2833240e32483108" \
    "333132b03065305530e531f230f0b130303200004766f51945000000"

/* k1 = "value value value value 1" to k3 = "... 3", each with the header h = x; leader epoch 0;
 * no producer; timestamps differ between the batches. */
#define VECTOR_KCAT_NONE                                         \
    "0000000000000000000000a3000000000227fe23750000000000020000" \
    "01a1fb18da41000001a1fb18da41ffffffffffffffffffffffffffff00" \
    "0000034a000000046b313276616c75652076616c75652076616c756520" \
    "76616c75652031020268"                                       \
    "02784a000002046b323276616c75652076616c75652076616c75652076" \
    "616c7565203202026802784a000004046b333276616c75652076616c75" \
    "652076616c75652076616c756520330202680278"
#define VECTOR_KCAT_GZIP                                                                     \
    "0000000000000000000000700000000002d970ae49000100000002000001a1fb18dd45000001a1fb18dd45" \
    "ffffffffffffffffffffffffffff000000031f8b0800000000000003f362606060c936342a4bcc294d55c0" \
    "240d999832982abc18189858b28d70aa3282a96261c936c6a9ca18ac0a00628e071472000000"
#define VECTOR_KCAT_SNAPPY                                                                   \
    "0000000000000000000000680000000002b0e47ff6000200000002000001a1fb18e044000001a1fb18e044" \
    "ffffffffffffffffffffffffffff0000000372344a000000046b313276616c756520460600303102026802" \
    "784a000002046b32622600003211260c04046b3362260014330202680278"
#define VECTOR_KCAT_LZ4                                                                      \
    "000000000000000000000075000000000220e0b11f000300000002000001a1fb199176000001a1fb199176" \
    "ffffffffffffffffffffffffffff0000000304224d1860408235000000ee4a000000046b313276616c7565" \
    "200600df3102026802784a000002046b32260006143226004f04046b332600066033020268027800000000"
#define VECTOR_KCAT_ZSTD                                                                     \
    "00000000000000000000006e0000000002597a0be8000400000002000001a1fb1993a9000001a1fb1993a9" \
    "ffffffffffffffffffffffffffff0000000328b52ffd0058a5010064024a000000046b313276616c756520" \
    "3102026802784a000002046b323204046b333302026802780400601120aea4962f5e5102"

#endif
