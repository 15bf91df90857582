/* The only program in the image of the integration test. Static: the image has nothing else. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void leave(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

static int eat_memory(void)
{
    const size_t piece = 1 << 20;
    for (int i = 0; i < 4096; ++i) {
        volatile char* bytes = malloc(piece);
        if (bytes == NULL)
            return 1;
        for (size_t k = 0; k < piece; k += 4096)
            bytes[k] = 1; /* touched, or the kernel would not count it */
    }
    return 0;
}

static void copy_file(const char* path)
{
    FILE* file = fopen(path, "r");
    int c;
    while (file != NULL && (c = fgetc(file)) != EOF)
        putchar(c);
}

int main(int count, char** words)
{
    const char* task = count > 1 ? words[1] : "serve";
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(task, "exit") == 0)
        return atoi(words[2]);
    if (strcmp(task, "say") == 0) {
        printf("%s\n", words[2]);
        fprintf(stderr, "err\n");
        return 7;
    }
    if (strcmp(task, "chatter") == 0) { /* so many lines, the last of them long and coloured */
        for (int i = 1; i <= atoi(words[2]); ++i)
            printf("line %d\n", i);
        printf("\033[31m");
        for (int i = 0; i < 2000; ++i)
            putchar('x');
        printf("\033[0m\n");
        return 0;
    }
    if (strcmp(task, "flood") == 0) {
        static char line[1000];
        memset(line, 'y', sizeof line);
        for (int i = 0; i < atoi(words[2]); ++i)
            fwrite(line, 1, sizeof line, stdout);
        return 0;
    }
    if (strcmp(task, "show") == 0) { /* who am I, and what was I given */
        printf("uid=%d %s=%s\n", (int)getuid(), words[2], getenv(words[2]));
        copy_file(words[3]);
        return 0;
    }
    if (strcmp(task, "eat") == 0)
        return eat_memory();
    signal(SIGTERM, strcmp(task, "stubborn") == 0 ? SIG_IGN : leave);
    printf("up\n");
    for (;;)
        pause();
}
