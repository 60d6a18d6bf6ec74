/* Proves what operations would do to one partition, by rows: brokers as digits, dead ones
 * are not in `alive`. That the answers are the controller's is so by construction;
 * what is tested is what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "controller/core/impact.h"

#define ROOM 8

struct world {
    int32_t replicas[ROOM], isr[ROOM];
    enum replica_health health[ROOM];
    struct impact_partition partition;
};

static size_t ids_of(const char *text, int32_t *ids) {
    size_t count = 0;

    for (; *text != '\0'; text++)
        ids[count++] = *text - '0';
    return count;
}

static void world_make(struct world *world, const char *replicas, const char *isr,
                       const char *alive, int32_t leader, int32_t min_isr) {
    struct election_input *election = &world->partition.election;

    *world = (struct world){.partition.min_isr = min_isr};
    election->replicas = world->replicas;
    election->health = world->health;
    election->isr = world->isr;
    election->leader = leader;
    election->replica_count = ids_of(replicas, world->replicas);
    election->isr_count = ids_of(isr, world->isr);
    for (size_t r = 0; r < election->replica_count; r++)
        world->health[r] =
            strchr(alive, '0' + world->replicas[r]) != NULL ? REPLICA_ONLINE : REPLICA_OFFLINE;
}

/* ---- Brokers go */

enum {
    MOVES = 1,
    NO_SUCCESSOR = 2,
    OFFLINE = 4,
    UNCLEAN = 8,
    BELOW = 16,
    AT = 32,
    UNCONCERNED = 64,
};

static int bits_of(const struct impact *impact) {
    return (impact->leader_moves ? MOVES : 0) | (impact->no_successor ? NO_SUCCESSOR : 0) |
           (impact->goes_offline ? OFFLINE : 0) | (impact->is_unclean ? UNCLEAN : 0) |
           (impact->below_min_isr ? BELOW : 0) | (impact->at_min_isr ? AT : 0);
}

static const struct {
    const char *label;
    const char *replicas, *isr, *alive;
    int32_t leader, min_isr;
    bool unclean;
    const char *gone;
    enum impact_departure departure;
    int bits;
    int32_t leader_then, in_sync;
} departures[] = {
    {"the leader dies", "123", "123", "123", 1, 2, false, "1", IMPACT_KILLED, MOVES | AT, 2, 2},
    {"a follower dies", "123", "123", "123", 1, 1, false, "3", IMPACT_KILLED, 0, 1, 2},
    {"two of three die", "123", "123", "123", 1, 2, false, "12", IMPACT_KILLED, MOVES | BELOW, 3,
     1},
    {"all die", "123", "123", "123", 1, 2, false, "123", IMPACT_KILLED, MOVES | OFFLINE | BELOW, -1,
     0},
    {"the only one in sync dies", "123", "1", "123", 1, 1, false, "1", IMPACT_KILLED,
     MOVES | OFFLINE | BELOW, -1, 0},
    {"and another may lead all the same", "123", "1", "123", 1, 1, true, "1", IMPACT_KILLED,
     MOVES | UNCLEAN | AT, 2, 1},
    {"the rest of the isr is dead already", "123", "12", "13", 1, 1, false, "1", IMPACT_KILLED,
     MOVES | OFFLINE | BELOW, -1, 0},
    {"the leader is stopped", "123", "123", "123", 1, 2, false, "1", IMPACT_STOPPED, MOVES | AT, 2,
     2},
    {"the only one in sync is stopped", "123", "1", "123", 1, 1, false, "1", IMPACT_STOPPED,
     MOVES | NO_SUCCESSOR | OFFLINE | BELOW, -1, 0},
    {"both in sync are stopped", "123", "12", "123", 1, 1, false, "12", IMPACT_STOPPED,
     MOVES | NO_SUCCESSOR | OFFLINE | BELOW, -1, 0},
    {"one who is not in sync dies", "123", "12", "123", 1, 2, false, "3", IMPACT_KILLED, AT, 1, 2},
    {"it has no replica", "12", "12", "123", 1, 1, false, "3", IMPACT_KILLED, UNCONCERNED, 0, 0},
    {"nobody led before", "12", "1", "2", -1, 1, false, "2", IMPACT_KILLED, BELOW, -1, 0},
    {"more must be in sync than there are", "12", "12", "123", 1, 5, false, "3", IMPACT_KILLED,
     UNCONCERNED, 0, 0},
    {"and then all there are", "12", "12", "123", 1, 5, false, "2", IMPACT_KILLED, BELOW, 1, 1},
};

static void a_departure_has_its_consequences(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(departures); i++) {
        struct impact impact = {0};
        struct world world;
        int32_t gone[ROOM];
        bool concerned;

        print_message("%s\n", departures[i].label);
        world_make(&world, departures[i].replicas, departures[i].isr, departures[i].alive,
                   departures[i].leader, departures[i].min_isr);
        world.partition.election.unclean_allowed = departures[i].unclean;
        concerned =
            controller_impact_of_departure(&world.partition, gone, ids_of(departures[i].gone, gone),
                                           departures[i].departure, &impact);
        assert_int_equal(concerned, departures[i].bits != UNCONCERNED);
        if (!concerned)
            continue;
        assert_int_equal(bits_of(&impact), departures[i].bits);
        assert_int_equal(impact.leader, departures[i].leader_then);
        assert_int_equal(impact.in_sync, departures[i].in_sync);
    }
}

/* ---- Replicas move */

static bool is_live(const void *context, int32_t broker_id) {
    return strchr(context, '0' + broker_id) != NULL;
}

static const struct {
    const char *label;
    const char *replicas, *isr, *alive;
    int32_t leader, min_isr;
    const char *target, *adding;
    size_t removing_count;
    bool cannot_end;
    int bits;
    int32_t leader_then;
} moves[] = {
    {"a follower moves", "12", "12", "1234", 1, 1, "13", "3", 1, false, 0, 1},
    {"the leader moves", "12", "12", "1234", 1, 2, "34", "34", 2, false, MOVES | AT, 3},
    {"one replica less than must be in sync", "123", "123", "1234", 1, 2, "1", "", 2, false, AT, 1},
    {"the order changes and nothing moves", "12", "12", "12", 1, 1, "21", "", 0, false, 0, 1},
    {"to one who is not there", "12", "12", "12", 1, 1, "13", "3", 1, true, 0, 1},
    {"nobody leads", "12", "1", "234", -1, 1, "34", "34", 2, true, BELOW, -1},
};

static void a_move_has_its_consequences(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(moves); i++) {
        int32_t target[ROOM], wanted[ROOM], adding[ROOM];
        struct impact_move move = {.adding = adding};
        struct world world;

        print_message("%s\n", moves[i].label);
        world_make(&world, moves[i].replicas, moves[i].isr, moves[i].alive, moves[i].leader,
                   moves[i].min_isr);
        controller_impact_of_move(&world.partition, target, ids_of(moves[i].target, target),
                                  is_live, moves[i].alive, &move);
        assert_int_equal(move.adding_count, ids_of(moves[i].adding, wanted));
        assert_memory_equal(adding, wanted, move.adding_count * sizeof(*wanted));
        assert_int_equal(move.removing_count, moves[i].removing_count);
        assert_int_equal(move.cannot_end, moves[i].cannot_end);
        assert_int_equal(bits_of(&move.then), moves[i].bits);
        assert_int_equal(move.then.leader, moves[i].leader_then);
    }
}

/* ---- Unclean elections */

static const struct {
    const char *label;
    const char *replicas, *isr, *alive;
    int32_t leader;
    int bits;
    int32_t leader_then;
} elections[] = {
    {"one who is not in sync is there", "123", "1", "23", -1, UNCLEAN | AT, 2},
    {"one who is in sync is back", "123", "1", "123", -1, AT, 1},
    {"somebody leads", "123", "1", "123", 1, UNCONCERNED, 0},
    {"the leader that is named is dead", "123", "1", "23", 1, UNCLEAN | AT, 2},
    {"nobody is there", "123", "1", "4", -1, UNCONCERNED, 0},
};

static void an_unclean_election_has_its_consequences(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(elections); i++) {
        struct impact impact = {0};
        struct world world;
        bool elected;

        print_message("%s\n", elections[i].label);
        world_make(&world, elections[i].replicas, elections[i].isr, elections[i].alive,
                   elections[i].leader, 1);
        elected = controller_impact_of_unclean_election(&world.partition, &impact);
        assert_int_equal(elected, elections[i].bits != UNCONCERNED);
        if (!elected)
            continue;
        assert_int_equal(bits_of(&impact), elections[i].bits);
        assert_int_equal(impact.leader, elections[i].leader_then);
    }
}

static void what_is_lost_lies_between_the_ends(void **unused) {
    (void)unused;
    assert_int_equal(controller_impact_records_lost(10, 7), 3);
    assert_int_equal(controller_impact_records_lost(7, 10), 0);
    assert_int_equal(controller_impact_records_lost(-1, 10), -1);
    assert_int_equal(controller_impact_records_lost(10, -1), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_departure_has_its_consequences),
        cmocka_unit_test(a_move_has_its_consequences),
        cmocka_unit_test(an_unclean_election_has_its_consequences),
        cmocka_unit_test(what_is_lost_lies_between_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
