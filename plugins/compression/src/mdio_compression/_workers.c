/* Room and zstd contexts that outlive a call: a thread takes one set, and gives it back. */
#include "_frames.h"

#include <pthread.h>
#include <stdlib.h>

Zstd zstd;

static Worker *idle;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

Worker *take_worker(void)
{
    pthread_mutex_lock(&idle_lock);
    Worker *worker = idle;
    if (worker)
        idle = worker->next;
    pthread_mutex_unlock(&idle_lock);
    return worker ? worker : calloc(1, sizeof(Worker));
}

void give_back(Worker *worker)
{
    pthread_mutex_lock(&idle_lock);
    worker->next = idle;
    idle = worker;
    pthread_mutex_unlock(&idle_lock);
}

/* Between fork and exec nobody may hold the lock. */
static void before_fork(void) { pthread_mutex_lock(&idle_lock); }
static void after_fork(void) { pthread_mutex_unlock(&idle_lock); }

void survive_forks(void) { pthread_atfork(before_fork, after_fork, after_fork); }

#define KEPT ((size_t)4 << 20) /* the most bytes of a buffer that are kept from call to call */

uint8_t *room(uint8_t **buffer, size_t *size, size_t wanted)
{
    if (*size < wanted) {
        free(*buffer);
        *buffer = malloc(wanted);
        *size = *buffer ? wanted : 0;
    }
    return *buffer;
}

void trim(uint8_t **buffer, size_t *size)
{
    if (*size > KEPT) {
        free(*buffer);
        *buffer = NULL;
        *size = 0;
    }
}
